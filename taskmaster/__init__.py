"""One short-lived process per task: claims its record, runs the steps, writes down what happened, leaves nothing."""
