"""What the box tells about itself: how full, how hot, how busy; nothing of a patient, and no id of anything."""
