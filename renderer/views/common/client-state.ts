import { type Icon, IconPlugConnected, IconPlugConnectedX, IconUserQuestion, IconVersions } from '@tabler/icons-react';
import type { ClientState } from '../../../shared/model/client.ts';
import type { Tone } from '../../components/state.tsx';

const looks: Record<ClientState, { tone: Tone; icon: Icon }> = {
  online: { tone: 'proven', icon: IconPlugConnected },
  offline: { tone: 'failed', icon: IconPlugConnectedX },
  unauthorized: { tone: 'degraded', icon: IconUserQuestion },
  incompatible: { tone: 'degraded', icon: IconVersions },
  removed: { tone: 'idle', icon: IconPlugConnectedX },
};

/** Colour and icon of a client's state: green and red, as the eye expects them. */
export function clientLook(state: ClientState): { tone: Tone; icon: Icon } {
  return looks[state];
}
