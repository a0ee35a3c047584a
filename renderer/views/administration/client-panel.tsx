import { TextInput } from '@mantine/core';
import { IconFingerprint } from '@tabler/icons-react';
import { type FormEvent, useState } from 'react';
import type { ClientView } from '../../../shared/contract/engine/clients.ts';
import { ActionButton } from '../../components/action-button.tsx';
import { CopyText } from '../../components/copy-text.tsx';
import { ErrorLine } from '../../components/error-line.tsx';
import { Fingerprint } from '../../components/fingerprint.tsx';
import { FormRow } from '../../components/form-row.tsx';
import { KeyValues } from '../../components/key-values.tsx';
import { SidePanel } from '../../components/side-panel.tsx';
import { Chip } from '../../components/state.tsx';
import { Time } from '../../components/time.tsx';
import { useCommand } from '../../store/use-command.ts';
import { useText } from '../../text/use-text.ts';
import { clientLook } from '../common/client-state.ts';
import { useAllowed } from '../common/use-allowed.ts';
import { ClientGroup } from './client-group.tsx';
import { useClientActions } from './client-actions.ts';

interface Props {
  readonly client: ClientView;
  readonly onClose: () => void;
}

function FingerprintSection({ client, isAsking }: { readonly client: ClientView; readonly isAsking: boolean }) {
  const { t } = useText();
  return (
    <section className="sec">
      <h3>
        <IconFingerprint className="ic" aria-hidden />
        {t('client.fingerprint')}
      </h3>
      <Fingerprint value={client.fingerprint} label={t('client.fingerprint')} />
      {isAsking && (
        <p className="s12 t2" style={{ margin: '8px 0' }}>
          {t('client.compare')}
        </p>
      )}
      {isAsking && <CopyText text="holdfast-agent init --show" />}
    </section>
  );
}

function Mono({ text }: { readonly text: string }) {
  return <span className="mono wrap">{text}</span>;
}

function FactsSection({ client }: { readonly client: ClientView }) {
  const { t } = useText();
  return (
    <section className="sec">
      <h3>{t('client.says')}</h3>
      <KeyValues
        facts={[
          ['HWID', <Mono key="hwid" text={client.hwid} />],
          [t('client.address'), client.address === '' ? null : <Mono key="address" text={client.address} />],
          [t('client.transport'), t(`transport.${client.transport}`)],
          [t('client.hostKey'), client.ssh === null ? null : <Mono key="hostKey" text={client.ssh.hostKey} />],
          [t('client.command'), client.ssh === null ? null : <Mono key="command" text={client.ssh.command} />],
          [t('client.system'), client.system],
          [t('client.version'), client.version],
          [t('client.firstSeen'), <Time key="first" at={client.firstSeenAt} />],
          [t('client.lastSeen'), client.lastSeenAt === null ? null : <Time key="last" at={client.lastSeenAt} />],
          [
            t('client.decided'),
            client.decidedAt === null ? null : (
              <span key="decided">
                <Time at={client.decidedAt} /> {client.decidedBy}
              </span>
            ),
          ],
          [t('client.kind'), client.local ? t('client.local') : null],
          [t('client.lastError'), client.lastError],
        ]}
      />
    </section>
  );
}

function DescriptionSection({ client }: { readonly client: ClientView }) {
  const { t } = useText();
  const edit = useCommand('clients.edit');
  const disabled = useAllowed()('clients.edit');
  const [text, setText] = useState(client.description);
  const save = (event: FormEvent) => {
    event.preventDefault();
    void edit.run({ client: String(client.id), description: text });
  };
  return (
    <section className="sec">
      <form onSubmit={save}>
        <FormRow label={t('client.description')} help={t('client.descriptionHelp')}>
          {(field) => (
            <div className="row" style={{ gap: 6 }}>
              <TextInput
                {...field}
                flex={1}
                maxLength={500}
                disabled={disabled !== undefined}
                value={text}
                onChange={(event) => setText(event.currentTarget.value)}
              />
              {text !== client.description && (
                <button type="submit" className="btn">
                  {edit.isRunning ? t('common.working') : t('common.save')}
                </button>
              )}
            </div>
          )}
        </FormRow>
        {edit.error !== undefined && <ErrorLine error={edit.error} />}
      </form>
    </section>
  );
}

/** A client that waits for a decision: its fingerprint, what it says about itself, and Authorize. */
export function AuthorizePanel({ client, onClose }: Props) {
  const { t } = useText();
  const authorize = useCommand('clients.authorize');
  const disabled = useAllowed()('clients.authorize');
  const others = useClientActions()(client).filter(({ id }) => id !== 'clients.authorize');
  const run = async () => {
    if (authorize.isRunning || disabled !== undefined) return;
    const outcome = await authorize.run({ client: String(client.id) });
    if (outcome.ok) onClose();
  };
  const { tone, icon } = clientLook(client.state);
  return (
    <SidePanel
      title={t('client.authorizeTitle', { name: client.name })}
      chip={
        <Chip tone={tone} icon={icon}>
          {t(`clientState.${client.state}`)}
        </Chip>
      }
      onClose={onClose}
      foot={
        <>
          {others.map((action) => (
            <ActionButton key={action.id} action={action} />
          ))}
          <span className="sp" />
          <button type="button" className="btn" onClick={onClose}>
            {t('client.later')}
          </button>
          <button
            type="button"
            className="btn pri"
            aria-disabled={disabled !== undefined}
            title={disabled}
            onClick={() => void run()}
          >
            {authorize.isRunning ? t('client.authorizing') : t('client.authorize')}
          </button>
        </>
      }
    >
      <div className="scroll" style={{ flex: 1 }}>
        {authorize.error !== undefined && (
          <div className="sec">
            <ErrorLine error={authorize.error} title={t('failed.authorize', { name: client.name })} />
          </div>
        )}
        <FingerprintSection client={client} isAsking />
        <FactsSection client={client} />
        <section className="sec">
          <h3>{t('client.after')}</h3>
          <p className="s12 t2">{t('client.afterText')}</p>
        </section>
      </div>
    </SidePanel>
  );
}

/** An authorized client: its facts, its description, its fingerprint. */
export function ClientPanel({ client, onClose }: Props) {
  const { t } = useText();
  const actions = useClientActions()(client).filter(({ id }) => id !== 'clients.edit');
  const { tone, icon } = clientLook(client.state);
  return (
    <SidePanel
      title={client.name}
      chip={
        <Chip tone={tone} icon={icon}>
          {t(`clientState.${client.state}`)}
        </Chip>
      }
      actions={actions.map((action) => <ActionButton key={action.id} action={action} />)}
      onClose={onClose}
    >
      <div className="scroll">
        <DescriptionSection key={`${client.id} ${client.description}`} client={client} />
        <ClientGroup key={`${client.id} in ${client.groupId}`} client={client} />
        <FactsSection client={client} />
        <FingerprintSection client={client} isAsking={false} />
      </div>
    </SidePanel>
  );
}
