/** Number of "No group", which is always there: its clients share with nobody. */
export const noGroupId = 1;
