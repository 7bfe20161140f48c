"""What a plug-in author writes: one decoder, task, source, dataset, limit and metric, as small as each can be."""
