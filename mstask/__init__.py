"""mstask: which part of a spiking network should be matched to the task?"""
