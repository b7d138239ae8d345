"""How the box is reached: addresses, certificates, the server process and the QR code."""
