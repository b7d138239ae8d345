"""Who may do what: pairing, sessions, roles, and what keeps other pages and other hosts out."""
