/** Builds the page when its sources are newer than the last build; does nothing in a package. */
export function buildPageIfStale(): Promise<void>;
