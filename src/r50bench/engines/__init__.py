"""Batch in, logits out: recipes, compiled models, kernel evidence."""
