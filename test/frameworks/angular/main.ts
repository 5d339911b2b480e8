/** Angular, with the bare tag in a template, compiled as the page starts. */
import "@angular/compiler";
import { Component, CUSTOM_ELEMENTS_SCHEMA, provideZonelessChangeDetection, signal } from "@angular/core";
import { bootstrapApplication } from "@angular/platform-browser";
import type { MbConnect, SearchDetail, SelectDetail } from "@mb-connect/widget";
import "@mb-connect/widget";
import { search, strings } from "../clinic.ts";

@Component({
  selector: "clinic-app",
  schemas: [CUSTOM_ELEMENTS_SCHEMA],
  template: `
    <mb-connect
      [searchConnections]="search"
      [strings]="strings"
      connections-url=""
      (mb-search)="found($event)"
      (mb-select)="picked($event)"
    ></mb-connect>
    <output>{{ said() }}</output>
  `,
})
class App {
  readonly search = search;
  readonly strings = strings;
  readonly said = signal("");

  found({ detail }: CustomEvent<SearchDetail>): void {
    this.said.set(`${detail.count} for ${detail.query}`);
  }

  picked(event: CustomEvent<SelectDetail>): void {
    event.preventDefault();
    this.said.set(`${event.detail.connection.name}, ${(event.target as MbConnect).state}`);
  }
}

document.body.append(document.createElement("clinic-app"));
await bootstrapApplication(App, { providers: [provideZonelessChangeDetection()] });
