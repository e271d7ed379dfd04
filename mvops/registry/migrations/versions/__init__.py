"""One file per step; a file that was released is never changed."""
