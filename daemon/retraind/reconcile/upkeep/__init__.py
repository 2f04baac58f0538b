"""What is minded beside the loop: keys, rights, job folders, what is overdue or hangs, retention."""
