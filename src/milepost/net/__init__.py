"""What leaves the house: which addresses may be asked at all, and streams to those who follow."""
