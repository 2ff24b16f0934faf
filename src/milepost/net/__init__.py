"""What leaves the house: which addresses may be asked at all."""
