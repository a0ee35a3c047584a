/** Has to be told whenever a key is made or shown (FEATURES H03). */
export const lostKeyWarning = `If the transformation key is lost, the backups that were transformed with it can never be restored.
Run \`holdfast-agent keys export\`, print the file and keep the paper in a safe place away from this machine.
`;
