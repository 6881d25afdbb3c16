"""Train, evaluate and export the model. The only package that knows torch; the rest of newstide sees artifacts."""
