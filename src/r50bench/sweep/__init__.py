"""The wing that measures a grid of settings, resumes, and draws its Pareto front."""
