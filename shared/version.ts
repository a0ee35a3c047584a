/** Version of all three programs; package.json carries the same. */
export const version = '0.1.0';
