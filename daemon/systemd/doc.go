// Package systemd holds what makes inferd a service of a machine: units, package
// scripts, manuals and example configurations. It has no code but the test that
// boots a systemd of its own, installs the package there, and breaks the service
// in the ways that services break (make systemd-test).
//
//	inferd.service inferd.socket inferd-admin.socket   the service and its two sockets
//	sysusers.conf tmpfiles.conf                        its user, its groups, its directories
//	inferd.toml policy.toml                            the configuration that packages install
//	examples/                                          configurations for kiosks, edge boxes, laptops and clusters
//	docs/                                              a page each for operators
//	man/                                               inferd(8), inferctl(1), inferd.toml(5)
//	debian/ deb.sh inferd.spec                         packages
//	boot.sh                                            a systemd for tests
//
// Why there are two groups: members of inferd may use the socket; the daemon's own
// group _inferd owns the model files. A client that could read those could see in
// the page cache which parts of them a prompt makes the daemon read.
//
// Why the daemon sees its own root directory: what does not exist there needs no
// rule that forbids it.
package systemd
