"""Pictures from and to files and in other sizes, under Keras' older name."""

from ..data import array_to_img, img_to_array, load_img, save_img
from ..images import smart_resize

__all__ = ["array_to_img", "img_to_array", "load_img", "save_img", "smart_resize"]
