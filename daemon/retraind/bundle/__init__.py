"""The bundle: the one file that is uploaded, how it is compressed, and where it is until it was sent.

Nothing here speaks to the service or moves a delivery.
"""
