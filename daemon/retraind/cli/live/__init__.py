"""What moves on a terminal: `watch`, and bars that show how far long work is."""
