"""mstask: which part of a spiking network should be matched to the task?"""

__version__ = "0.1.0"
