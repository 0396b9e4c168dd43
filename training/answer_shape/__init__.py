"""What shape of answer a question asks for: a small linear model, trained on questions written for it."""
