import { screen } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { takeFirstToken } from '../../renderer/connection/first-token.ts';
import { emptyData } from '../fakes/fake-engine-data.ts';
import { openConsole } from './harness.tsx';

describe('the way in', () => {
  it('says what is wrong, then lets in and keeps the session', async () => {
    const { user, engine } = openConsole({ signedIn: false });
    await user.type(await screen.findByLabelText('User name'), 'admin');
    await user.type(screen.getByLabelText('Password'), 'nope');
    await user.click(screen.getByRole('button', { name: 'Sign in' }));
    expect(await screen.findByRole('alert')).toHaveTextContent('User name or password is wrong.');
    expect(screen.getByLabelText('Password')).toHaveValue('');
    await user.type(screen.getByLabelText('Password'), engine.password);
    await user.click(screen.getByRole('button', { name: 'Sign in' }));
    expect(await screen.findByRole('heading', { name: 'Objects', level: 1 })).toBeVisible();
    expect(engine.sessions.size).toBe(1);
  });

  it('never puts a password into the store', async () => {
    const { user, engine, store } = openConsole({ signedIn: false });
    await user.type(await screen.findByLabelText('User name'), 'admin');
    await user.type(screen.getByLabelText('Password'), `${engine.password}{Enter}`);
    await screen.findByRole('heading', { name: 'Objects', level: 1 });
    expect(JSON.stringify(store.getState())).not.toContain(engine.password);
  });

  it('sets the first password by the token of the link and clears the address', async () => {
    window.history.replaceState(null, '', '/#first=first-token');
    takeFirstToken();
    expect(window.location.hash).toBe('');
    const { user, engine } = openConsole({
      path: '/',
      signedIn: false,
      data: emptyData(),
      prepare: (one) => (one.needsFirstPassword = true),
    });
    await user.type(await screen.findByLabelText('New password'), 'long enough');
    await user.type(screen.getByLabelText('Repeat the password'), 'long enougj');
    await user.click(screen.getByRole('button', { name: 'Set password and sign in' }));
    expect(await screen.findByText('The two passwords differ.')).toBeVisible();
    await user.clear(screen.getByLabelText('Repeat the password'));
    await user.type(screen.getByLabelText('Repeat the password'), 'long enough{Enter}');
    expect(await screen.findByRole('heading', { name: 'First steps' })).toBeVisible();
    expect(engine.password).toBe('long enough');
  });

  it('signs out', async () => {
    const { user } = openConsole();
    await user.click(await screen.findByRole('button', { name: 'Account admin' }));
    await user.click(await screen.findByRole('menuitem', { name: 'Sign out' }));
    expect(await screen.findByRole('heading', { name: 'Sign in' })).toBeVisible();
  });
});
