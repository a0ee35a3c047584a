const prefix = '#first=';
let token: string | undefined;

/** Takes the single-use token out of the address and clears the address bar at once. */
export function takeFirstToken(): void {
  const { hash, pathname, search } = window.location;
  if (!hash.startsWith(prefix)) return;
  token = decodeURIComponent(hash.slice(prefix.length));
  window.history.replaceState(null, '', pathname + search);
}

/** Keeps the token that Electron's shell gave; a restarted engine has a new one. */
export function keepFirstToken(given: string | undefined): void {
  token = given;
}

/** The token that lets its bearer set the first password; undefined when the page was opened without the link. */
export function firstToken(): string | undefined {
  return token;
}
