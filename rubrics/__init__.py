"""Rubrics: what annotators are asked, in which words, and how their answers are to be read."""
