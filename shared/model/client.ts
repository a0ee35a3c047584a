import { z } from 'zod';

/** States of a client (DESIGN §5). Online = heartbeat within 15 s. */
export const clientStateSchema = z.enum(['unauthorized', 'offline', 'online', 'incompatible', 'removed']);
export type ClientState = z.output<typeof clientStateSchema>;

/** The engine speaks contract number N and N−1 (DESIGN §4). */
export const contractNumber = 1;
