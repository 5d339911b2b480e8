/** The words in French: a line for each text of `ENGLISH`, in its order. */
export const WORDS = `fr
Trouvez votre hôpital ou clinique
Tapez le nom, la ville ou le code postal.
Vous vous connectez sur la page de votre hôpital. {app} reçoit une copie de vos données. Votre mot de passe reste à l’hôpital.
Cette appli
Effacer
Recherche…
{count} résultat
{count} résultats
Voir les {count} lieux de {name}
Oublier mes choix
{count} résultats et d’autres encore. Continuez à taper.
Rien pour « {query} ». Vérifiez le nom ou essayez la ville.
Mon hôpital n’est pas là
Essayez le nom lu sur une facture, ou demandez à {app}.
La recherche ne marche pas. Réessayez dans une minute.
Réessayer
Vous allez vous connecter à {name}
Annuler
Choisir un autre hôpital
Recharger la page
Vous êtes connecté
{app} peut maintenant prendre une copie de vos données. Cela peut durer un peu.
Connecter un autre hôpital
{name} est connecté
Vos données arrivent : {count}
Vos données sont là : {count}
Il n’y a pas encore de données ici.
Il manque : {kinds}.
Corriger
allergies
maladies
rapports
notes
vaccins
médicaments
résultats
autres données
Vos hôpitaux
À jour : {date}
Reconnecter {name}
Déconnecter {name}
{app} ne recevra plus de données de {name}.
Oui, déconnecter {name}
Garder {name}
Connecté
Non connecté
L’accès est terminé
Rien n’a été partagé
Vous avez arrêté sur la page de votre hôpital.
C’est un autre compte
Prenez le même compte que la dernière fois.
Votre session est terminée
Connectez-vous de nouveau à {app}.
Une autre personne est connectée
Connectez-vous de nouveau à {app}.
Cet hôpital n’est pas disponible
{app} ne peut pas s’y connecter.
Vous semblez hors ligne
Vérifiez votre accès à internet.
La connexion a échoué
La connexion à votre hôpital n’est pas finie. Rien n’a été partagé.
Ce lien a expiré
Ce lien ne dure que peu de temps.
Recommencer
Attendez un moment
Un problème. Réessayez dans une minute.
Code pour l’aide :
Copier
Copié
Trouvez l’hôpital ou la clinique de votre enfant
Prenez le compte de votre enfant. {app} reçoit une copie des données. Votre mot de passe reste à l’hôpital.
Trouvez l’hôpital ou la clinique de la personne que vous aidez
Prenez le compte de cette personne. {app} reçoit une copie des données. Votre mot de passe reste à l’hôpital.`;
