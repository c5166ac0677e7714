#!/usr/bin/env bash
# deb.sh TREE ARCH VERSION OUT: makes a Debian package of an installed tree (make
# install DESTDIR=TREE). The same tree gives the same bytes.
set -euo pipefail
tree=$1 arch=$2 version=$3 out=$4
here=$(cd "$(dirname "$0")" && pwd)
: "${SOURCE_DATE_EPOCH:=0}"
export SOURCE_DATE_EPOCH

mkdir -p "$tree/DEBIAN" "$tree/usr/share/doc/inferd"
cp "$here/../../LICENSE" "$tree/usr/share/doc/inferd/copyright"
size=$(find "$tree" -path "$tree/DEBIAN" -prune -o -type f -printf '%k\n' | awk '{ n += $1 } END { print n + 0 }')
sed -e "s/@VERSION@/$version/" -e "s/@ARCH@/$arch/" -e "s/@SIZE@/$size/" "$here/debian/control.in" >"$tree/DEBIAN/control"
install -m 0644 "$here/debian/conffiles" "$tree/DEBIAN/"
install -m 0755 "$here/debian/postinst" "$here/debian/prerm" "$here/debian/postrm" "$tree/DEBIAN/"
find "$tree" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group -Zxz --build "$tree" "$out"
