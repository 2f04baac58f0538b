"""What is in a drop folder: listing, settling, pairing, manifests, the share's identity, inotify."""
