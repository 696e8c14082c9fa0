"""Data from outside: datasets, pictures, texts and files, as host arrays."""

from graftwork.data import images
from graftwork.data.arrays import (
    normalize,
    pack_x_y_sample_weight,
    pad_sequences,
    to_categorical,
    unpack_x_y_sample_weight,
)
from graftwork.data.audio_folder import audio_dataset_from_directory
from graftwork.data.dataset import Dataset
from graftwork.data.download import get_file
from graftwork.data.image_folder import image_dataset_from_directory
from graftwork.data.images import array_to_img, img_to_array, load_img, save_img
from graftwork.data.py_dataset import PyDataset
from graftwork.data.text_folder import text_dataset_from_directory
from graftwork.data.windows import split_dataset, timeseries_dataset_from_array

__all__ = [
    "Dataset",
    "PyDataset",
    "array_to_img",
    "audio_dataset_from_directory",
    "get_file",
    "image_dataset_from_directory",
    "images",
    "img_to_array",
    "load_img",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "save_img",
    "split_dataset",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
    "to_categorical",
    "unpack_x_y_sample_weight",
]
