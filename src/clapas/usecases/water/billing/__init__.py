"""Bills: abnormal volumes in the sense of the law, and the file that goes with them."""
