import { act, screen, waitFor } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { EngineLink, type LinkState } from '../../renderer/connection/engine-link.ts';
import { AppError } from '../../shared/errors.ts';
import { FakeEngine } from '../fakes/fake-engine.ts';
import { emptyData } from '../fakes/fake-engine-data.ts';
import { openConsole } from './harness.tsx';

describe('the line to the engine', () => {
  it('keeps what is shown when it breaks, and asks for everything again when it is back', async () => {
    const { engine } = openConsole();
    await screen.findByText('hr-portal');
    engine.data.objects[3]!.name = 'hr-portal-2';
    act(() => engine.hangUp());
    expect(await screen.findByText(/^Connection lost at/u)).toBeVisible();
    expect(screen.getByText('hr-portal')).toBeVisible();
    expect(await screen.findByText('hr-portal-2', {}, { timeout: 5000 })).toBeVisible();
    await waitFor(() => expect(screen.queryByText(/^Connection lost at/u)).toBeNull());
  });

  it('dials again with growing pauses while nobody answers', async () => {
    let dials = 0;
    const states: LinkState[] = [];
    const link = new EngineLink(async () => {
      dials++;
      throw new AppError('engineUnreachable', 'no answer');
    });
    link.onState((state) => states.push(state));
    link.connect();
    await waitFor(() => expect(dials).toBeGreaterThanOrEqual(2), { timeout: 4000 });
    link.close();
    const lost = states.filter((state) => state.kind === 'lost');
    expect(new Set(lost.map(({ since }) => since)).size).toBe(1);
    await expect(link.call('session.get', {})).rejects.toMatchObject({ code: 'connectionLost' });
  });

  it('lets a call wait for the line that is just being opened', async () => {
    const engine = new FakeEngine(emptyData());
    const link = new EngineLink(async () => engine.connect(true));
    link.connect();
    await expect(link.call('session.get', {})).resolves.toMatchObject({ user: { name: 'admin' } });
    link.close();
  });
});
