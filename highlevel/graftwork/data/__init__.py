"""Data from outside: datasets, pictures and folders of pictures, as host arrays."""

from graftwork.data import images
from graftwork.data.dataset import Dataset
from graftwork.data.image_folder import image_dataset_from_directory
from graftwork.data.images import array_to_img, img_to_array, load_img, save_img

__all__ = [
    "Dataset",
    "array_to_img",
    "image_dataset_from_directory",
    "images",
    "img_to_array",
    "load_img",
    "save_img",
]
