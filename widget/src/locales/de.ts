/** The words in German: a line for each text of `ENGLISH`, in its order. */
export const WORDS = `de
Finden Sie Ihr Krankenhaus oder Ihre Praxis
Geben Sie Namen, Ort oder Postleitzahl ein.
Sie melden sich auf der Seite Ihres Krankenhauses an. {app} erhält eine Kopie Ihrer Daten. Ihr Passwort bleibt im Krankenhaus.
Diese App
Leeren
Suche läuft…
{count} Treffer
{count} Treffer
Alle {count} Orte von {name} zeigen
Meine Auswahl vergessen
{count} Treffer und noch mehr. Tippen Sie weiter.
Kein Treffer für „{query}“. Prüfen Sie die Schreibweise oder suchen Sie den Ort.
Mein Krankenhaus fehlt
Suchen Sie den Namen, der auf einer Rechnung steht, oder fragen Sie {app}.
Die Suche geht gerade nicht. Bitte in einer Minute noch einmal versuchen.
Noch einmal versuchen
Weiter zur Anmeldung bei {name}
Abbrechen
Anderes Krankenhaus wählen
Seite neu laden
Sie sind verbunden
{app} kann nun eine Kopie Ihrer Daten holen. Das kann dauern.
Weiteres Krankenhaus verbinden
{name} ist verbunden
Ihre Daten kommen an: {count}
Ihre Daten sind da: {count}
Hier sind noch keine Daten.
Es fehlen: {kinds}.
Beheben
Allergien
Krankheiten
Berichte
Notizen
Impfungen
Medikamente
Messwerte
andere Daten
Ihre Krankenhäuser
Stand: {date}
{name} neu verbinden
{name} trennen
{app} erhält dann keine Daten mehr von {name}.
Ja, {name} trennen
{name} behalten
Verbunden
Nicht verbunden
Zugang beendet
Nichts wurde geteilt
Sie haben auf der Seite Ihres Krankenhauses abgebrochen.
Das ist ein anderes Konto
Melden Sie sich mit dem Konto vom letzten Mal an.
Sie sind abgemeldet
Melden Sie sich neu bei {app} an.
Jemand anderes ist angemeldet
Melden Sie sich neu bei {app} an.
Dieses Krankenhaus geht gerade nicht
{app} kann es jetzt nicht verbinden.
Sie sind wohl offline
Prüfen Sie Ihr Internet.
Das hat nicht geklappt
Die Anmeldung wurde nicht fertig. Nichts wurde geteilt.
Dieser Link ist abgelaufen
Der Link gilt nur kurze Zeit.
Neu beginnen
Bitte warten Sie kurz
Etwas geht gerade nicht. Bitte in einer Minute noch einmal versuchen.
Code für den Support:
Kopieren
Kopiert
Finden Sie das Krankenhaus oder die Praxis Ihres Kindes
Melden Sie sich mit dem Konto für Ihr Kind an. {app} erhält eine Kopie der Daten. Ihr Passwort bleibt im Krankenhaus.
Finden Sie das Krankenhaus oder die Praxis der Person, die Sie betreuen
Melden Sie sich mit dem Konto für diese Person an. {app} erhält eine Kopie der Daten. Ihr Passwort bleibt im Krankenhaus.`;
