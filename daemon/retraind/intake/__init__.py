"""From files in a drop folder to sealed deliveries: watcher (hints), folder (what is there), pairing, seal."""
