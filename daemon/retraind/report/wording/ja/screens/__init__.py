"""What commands print, as far as it stands in STATUS.txt as well. The rest of it is English."""
