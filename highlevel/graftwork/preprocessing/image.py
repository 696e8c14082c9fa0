"""Pictures from and to files, under Keras' older name."""

from ..data import array_to_img, img_to_array, load_img, save_img

__all__ = ["array_to_img", "img_to_array", "load_img", "save_img"]
