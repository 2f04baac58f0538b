"""What is sent: the check of the data before anything leaves the house, and the one file that is uploaded.

Nothing here speaks to the service or moves a delivery; it reads sealed files and says or writes what it
found.
"""
