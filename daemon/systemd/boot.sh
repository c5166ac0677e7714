#!/usr/bin/env bash
# boot.sh DIR: boots systemd as process 1 of namespaces of its own, on an overlay
# of this machine's file system, for testing units. The first process inside is this
# one's child; nsenter reaches it. What happens inside is gone when
# that process ends. Needs root.
set -euo pipefail
dir=$1
mkdir -p "$dir/layers" "$dir/root"
group=inferd-boot-$$
for hierarchy in /sys/fs/cgroup/*/; do
	[[ -w $hierarchy/cgroup.procs ]] || continue
	mkdir -p "$hierarchy$group"
	# cpuset groups take no process before they have CPUs and memory.
	for file in cpuset.cpus cpuset.mems; do
		[[ ! -e $hierarchy$group/$file ]] || cat "$hierarchy$file" >"$hierarchy$group/$file"
	done
	echo $$ >"$hierarchy$group/cgroup.procs" || true
done
export dir
exec unshare --mount --pid --uts --ipc --cgroup --net --fork bash -euc '
mount --make-rprivate /
mount -t tmpfs layers "$dir/layers"
mkdir "$dir/layers/upper" "$dir/layers/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$dir/layers/upper,workdir=$dir/layers/work" "$dir/root"
cd "$dir/root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount --rbind /dev dev
mount -t tmpfs run run
mount -t tmpfs tmp tmp -o mode=1777
mount -t tmpfs cgroup sys/fs/cgroup -o mode=755
for c in cpu cpuacct memory pids devices freezer blkio; do
	grep -qw "$c" /proc/cgroups || continue
	mkdir "sys/fs/cgroup/$c"
	mount -t cgroup cgroup "sys/fs/cgroup/$c" -o "$c" || rmdir "sys/fs/cgroup/$c"
done
mkdir sys/fs/cgroup/systemd sys/fs/cgroup/unified
mount -t cgroup cgroup sys/fs/cgroup/systemd -o none,name=systemd
mount -t cgroup2 cgroup2 sys/fs/cgroup/unified
mkdir -p old
pivot_root . old 2>/dev/null || { mount --move . / && exec chroot . "$0"; }
umount --lazy /old
# As on every machine; in a container systemd leaves it to who starts it. Without it,
# credentials do not reach their services.
mount --make-rshared /
mkdir -p /etc/systemd/system
ln -sf /usr/lib/systemd/system/multi-user.target /etc/systemd/system/default.target
for unit in systemd-udevd.service getty.target console-getty.service systemd-logind.service \
	systemd-networkd.service systemd-remount-fs.service systemd-random-seed.service systemd-sysctl.service \
	systemd-modules-load.service systemd-binfmt.service ssh.service apt-daily.timer apt-daily-upgrade.timer \
	e2scrub_all.timer fstrim.timer dpkg-db-backup.timer man-db.timer; do
	ln -sf /dev/null "/etc/systemd/system/$unit"
done
: >/etc/fstab
systemd-id128 new >/etc/machine-id
export container=inferd-test
exec /lib/systemd/systemd --system --log-target=console --log-level=notice
' bash </dev/null
