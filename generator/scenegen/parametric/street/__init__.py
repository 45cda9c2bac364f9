"""Built-in vehicles, buildings, trees and ground."""
