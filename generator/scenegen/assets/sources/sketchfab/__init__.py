"""Models from Sketchfab: manifest, API, archives, licences."""
