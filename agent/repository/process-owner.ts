import { userInfo } from 'node:os';

export interface ProcessOwner {
  username: string;
  uid: number;
  gid: number;
}

/** Whom key and lock files name. A container's user need not have a name; on Windows there are no numbers. */
export function processOwner(): ProcessOwner {
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  try {
    return { username: userInfo().username, uid, gid };
  } catch {
    // Only the name is missing, and nothing depends on it.
    return { username: String(uid), uid, gid };
  }
}
