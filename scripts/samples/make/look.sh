#!/bin/sh
# Shows every page of the files named: page images in /tmp/look (or $LOOK).
set -e
out=${LOOK:-/tmp/look}; mkdir -p "$out"
for f in "$@"; do
  b=$(basename "$f"); b=${b%.*}
  case $f in
    *.docx|*.pptx|*.xlsx) soffice --headless --convert-to pdf --outdir "$out" "$f" >/dev/null 2>&1; pdftoppm -r 80 -png "$out/$b.pdf" "$out/$b" ;;
    *.pdf) pdftoppm -r 80 -png "$f" "$out/$b" ;;
    *.mp4) ffmpeg -y -loglevel error -i "$f" -vf "fps=1/2,scale=480:-1,tile=4x4" -frames:v 1 "$out/$b-film.png" ;;
  esac
done
