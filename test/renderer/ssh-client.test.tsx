import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { fakeHostKey } from '../fakes/fake-clients.ts';
import { openConsole } from './harness.tsx';

async function openForm() {
  const opened = openConsole({ path: '/administration/clients' });
  await opened.user.click(await screen.findByRole('button', { name: 'Add over SSH' }));
  const form = await screen.findByRole('complementary', { name: 'Add client over SSH' });
  const fill = async (label: string, text: string) => {
    await opened.user.clear(within(form).getByLabelText(label));
    await opened.user.type(within(form).getByLabelText(label), text);
  };
  const press = (name: string) => opened.user.click(within(form).getByRole('button', { name }));
  return { ...opened, form, fill, press };
}

describe('a client over SSH', () => {
  it('is added once its host key was shown and confirmed', async () => {
    const { engine, user, form, fill, press } = await openForm();
    await fill('Name', 'node9');
    await fill('Host', '10.20.4.90');
    await fill('User', 'root');
    const file = new File(['-----BEGIN OPENSSH PRIVATE KEY-----\n'], 'id_ed25519');
    const input = document.querySelector<HTMLInputElement>('input[type=file]');
    if (input === null) throw new Error('no file input');
    await user.upload(input, file);
    await waitFor(() =>
      expect(within(form).getByLabelText('Private key')).toHaveValue('-----BEGIN OPENSSH PRIVATE KEY-----\n'),
    );
    await press('Show host key');
    const shown = await within(form).findByRole('status', { name: 'Host key of 10.20.4.90' });
    expect(shown).toHaveTextContent(fakeHostKey);
    expect(engine.data.clients.some(({ name }) => name === 'node9')).toBe(false);
    await press('Key is right, add');
    await waitFor(() =>
      expect(engine.data.clients.find(({ name }) => name === 'node9')).toMatchObject({
        transport: 'ssh',
        ssh: { host: '10.20.4.90', port: 22, user: 'root', hostKey: fakeHostKey, command: 'holdfast-agent stdio' },
      }),
    );
    await waitFor(() => expect(screen.queryByRole('complementary', { name: 'Add client over SSH' })).toBeNull());
  });

  it('names each field that is missing or that the engine refuses', async () => {
    const { engine, form, fill, press } = await openForm();
    await press('Show host key');
    expect(await within(form).findByText('4 problems')).toBeVisible();
    expect(engine.calls).not.toContain('clients.probeSsh');
    await fill('Name', 'node9');
    await fill('Host', 'nowhere');
    await fill('User', 'root');
    await fill('Private key', 'the wrong key');
    await press('Show host key');
    expect(await within(form).findByText(/ECONNREFUSED.*Check address and port/u)).toBeVisible();
    expect(within(form).getByLabelText('Host')).toHaveAttribute('aria-invalid', 'true');
    await fill('Host', 'node9.example');
    await press('Show host key');
    await within(form).findByRole('status', { name: 'Host key of node9.example' });
    await press('Key is right, add');
    expect(await within(form).findByText(/does not accept this user with this key.*authorized_keys/u)).toBeVisible();
    expect(within(form).getByLabelText('Private key')).toHaveAttribute('aria-invalid', 'true');
  });

  it('asks for the host key anew when the host was changed', async () => {
    const { form, fill, press } = await openForm();
    await fill('Name', 'node9');
    await fill('Host', 'node9.example');
    await fill('User', 'root');
    await fill('Private key', 'key');
    await press('Show host key');
    await within(form).findByRole('button', { name: 'Key is right, add' });
    await fill('Host', 'node8.example');
    expect(within(form).getByRole('button', { name: 'Show host key' })).toBeVisible();
    expect(within(form).queryByText(fakeHostKey)).toBeNull();
  });
});
