// Debian packages that the tests need. As root on Debian missing ones are installed and named; elsewhere only named.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const packages = [
  'restic',
  'qemu-system-x86',
  'qemu-utils',
  'libvirt-daemon-system',
  'libvirt-daemon-driver-qemu',
  'libvirt-clients',
  'busybox-static',
  'e2fsprogs',
  'cpio',
  'lz4',
  'kmod',
  'linux-image-cloud-amd64',
  'procps',
  'libnbd-bin',
  'nbdkit',
  'chromium',
  'fonts-wqy-microhei',
];

function missing() {
  return packages.filter((name) => {
    const { stdout } = spawnSync('dpkg-query', ['-W', '-f', '${db:Status-Status}', name], { encoding: 'utf8' });
    return stdout !== 'installed';
  });
}

/** @returns the packages that are still missing */
export function installTestPackages() {
  if (!existsSync('/etc/debian_version')) {
    process.stderr.write(`Not Debian: the tests need what these packages bring: ${packages.join(' ')}\n`);
    return packages;
  }
  const wanted = missing();
  if (wanted.length === 0) return [];
  if (process.getuid?.() !== 0) {
    process.stderr.write(`Missing Debian packages, suites that need them are skipped: ${wanted.join(' ')}\n`);
    return wanted;
  }
  process.stderr.write(`installing Debian packages: ${wanted.join(' ')} …\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  spawnSync('apt-get', ['update', '-qq'], { stdio: ['ignore', 2, 2], env });
  spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...wanted], {
    stdio: ['ignore', 'ignore', 2],
    env,
  });
  return missing();
}
