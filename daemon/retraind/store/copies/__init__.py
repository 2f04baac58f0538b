"""The signed copies of jobs beside their files, and the journal that is rebuilt from them."""
