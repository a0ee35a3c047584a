/** Ends the program with a sentence when the system's Node is too old; better-sqlite3 would crash without one. */
export function requireNode24(): void {
  const major = Number(process.versions.node.split('.')[0]);
  if (major >= 24) return;
  process.stderr.write(
    `Holdfast needs Node 24, this is ${process.version}. Start it through npm (npm run -s cli -- …).\n`,
  );
  process.exit(2);
}
