"""What generative models are worth at their jobs beside plain ways: docs/generative-figures.md."""
