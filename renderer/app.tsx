import { MantineProvider } from '@mantine/core';
import type { i18n } from 'i18next';
import { I18nextProvider } from 'react-i18next';
import { Provider } from 'react-redux';
import { BrowserRouter, Navigate, Route, Routes } from 'react-router';
import type { AppStore } from './store/store.ts';
import { theme } from './style/theme.ts';
import { AdministrationView } from './views/administration/administration-view.tsx';
import { ClientsPart } from './views/administration/clients-part.tsx';
import { GroupsPart } from './views/administration/groups-part.tsx';
import { PlatformsPart } from './views/administration/platforms-part.tsx';
import { PoolsPart } from './views/administration/pools-part.tsx';
import { DialogHost } from './views/common/dialog-host.tsx';
import { Frame } from './views/frame/frame.tsx';
import { LogsView } from './views/logs/logs-view.tsx';
import { ObjectsView } from './views/objects/objects-view.tsx';
import { RepositoryView } from './views/repository/repository-view.tsx';
import { RestoreView } from './views/restore/restore-view.tsx';
import { ScheduleView } from './views/schedule/schedule-view.tsx';
import { SessionGate } from './views/session/session-gate.tsx';
import { TasksView } from './views/tasks/tasks-view.tsx';

/** Every address of the console. */
function Addresses() {
  return (
    <Routes>
      <Route element={<Frame />}>
        <Route path="/objects" element={<ObjectsView />} />
        <Route path="/schedule" element={<ScheduleView />} />
        <Route path="/repository" element={<RepositoryView />} />
        <Route path="/restore/:id" element={<RestoreView />} />
        <Route path="/tasks" element={<TasksView />} />
        <Route path="/tasks/:id" element={<TasksView />} />
        <Route path="/logs" element={<LogsView />} />
        <Route path="/administration" element={<AdministrationView />}>
          <Route index element={<Navigate to="clients" replace />} />
          <Route path="clients" element={<ClientsPart />} />
          <Route path="groups" element={<GroupsPart />} />
          <Route path="platforms" element={<PlatformsPart />} />
          <Route path="pools" element={<PoolsPart />} />
        </Route>
        <Route path="*" element={<Navigate to="/objects" replace />} />
      </Route>
    </Routes>
  );
}

/** The page below its providers. */
export function Console() {
  return (
    <BrowserRouter>
      <SessionGate>
        <DialogHost>
          <Addresses />
        </DialogHost>
      </SessionGate>
    </BrowserRouter>
  );
}

interface Props {
  readonly store: AppStore;
  readonly texts: i18n;
  /** Of the page's policy; Mantine's few run-time styles carry it. */
  readonly nonce: string;
}

/** The whole page. */
export function App({ store, texts, nonce }: Props) {
  return (
    <Provider store={store}>
      <I18nextProvider i18n={texts}>
        <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={() => nonce}>
          <Console />
        </MantineProvider>
      </I18nextProvider>
    </Provider>
  );
}
