"""What Lagmark's feature engine costs, beside its peers on the same rows."""
